import { makeAsk } from './ask.ts'
import { makeBase64 } from './base64.ts'
import { makeEntry } from './entry.ts'
import { makeIdentityServer } from './identity-server.ts'
import { makeJava } from './java.ts'
import { makeLodash3 } from './lodash3.ts'
import { makeModules } from './modules.ts'
import { makeOpenidm } from './openidm.ts'
import { makeOutput } from './output.ts'
import { makeRandom } from './random.ts'

const PARTS = {
  makeAsk,
  makeBase64,
  makeEntry,
  makeIdentityServer,
  makeJava,
  makeLodash3,
  makeModules,
  makeOpenidm,
  makeOutput,
  makeRandom,
}

type Parts = typeof PARTS

/** Assembles the globals inside the sandbox; `cross`, `load`, `next` and `run` are the only ways out. */
function assemble(
  parts: Parts,
  global: Record<string, unknown>,
  cross: Parameters<Parts['makeAsk']>[0],
  load: Parameters<Parts['makeModules']>[0],
  next: () => unknown,
  run: (name: string) => void,
) {
  let isCrossed = false
  const ask = parts.makeAsk((name, args) => {
    isCrossed = true
    return cross(name, args)
  })
  const hasCrossed = (): boolean => {
    const was = isCrossed
    isCrossed = false
    return was
  }
  const { openidm, bind } = parts.makeOpenidm(ask)
  const { globals, QueryFilter } = parts.makeJava(ask)
  const { random, seed } = parts.makeRandom()
  const toLodash3 = parts.makeLodash3()
  const adapt = (name: string, exports: unknown): void => {
    if (name === 'lib/lodash') toLodash3(exports as Parameters<typeof toLodash3>[0])
  }
  const { require, compile, used } = parts.makeModules(load, adapt)
  const identityServer = parts.makeIdentityServer(ask)
  /** Runs a script file as if it stood here. */
  const loadFile = (name: unknown): void => run(String(name).replace(/\.js$/, ''))
  const visible = {
    openidm,
    identityServer,
    require,
    load: loadFile,
    ...parts.makeOutput(ask),
    ...parts.makeBase64(),
    ...globals,
  }
  for (const [name, value] of Object.entries(visible)) {
    Object.defineProperty(global, name, { value, writable: true, enumerable: false, configurable: true })
  }
  Math.random = random
  return { ...parts.makeEntry({ global, bind, used, seed, next, hasCrossed, QueryFilter }), require, compile }
}

export type Prelude = ReturnType<typeof assemble>

/** The source of the prelude: an expression that yields a function of `cross`, `load`, `next` and `run`. */
export function preludeSource(): string {
  const parts = Object.entries(PARTS).map(([name, make]) => `${name}: ${make.toString()}`)
  return `(function (cross, load, next, run) { 'use strict'; return (${assemble.toString()})({ ${parts.join(',\n')} }, globalThis, cross, load, next, run) })`
}
