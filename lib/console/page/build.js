/**
 * Bundles the console into dist/console/page: `npm run build:console`, and `prepare` of npm. Without its bundler (`npm ci
 * --omit=dev`) nothing is built; the page then says what to run.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
const OUT = join(HERE, '../../../dist/console/page')

const DESCRIPTIONS = '../../../docs/generate/descriptions.ts'
const INSTANCE = 'instance-form'

const esbuild = await import('esbuild').catch(() => undefined)
if (esbuild) await build(esbuild)
else process.stderr.write('The console is not built: esbuild is not installed (npm ci --include=dev)\n')

/** @param {typeof import('esbuild')} esbuild */
async function build({ build }) {
  mkdirSync(OUT, { recursive: true })
  await build({
    absWorkingDir: HERE,
    entryPoints: { main: 'main.tsx', style: 'style.css' },
    outdir: OUT,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    plugins: [{ name: INSTANCE, setup: instanceForm }],
    logLevel: 'warning',
  })
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(HERE, name), join(OUT, name))
  const preact = dirname(createRequire(import.meta.url).resolve('preact/package.json'))
  copyFileSync(join(preact, 'LICENSE'), join(OUT, 'licenses.txt'))
  writeFileSync(join(OUT, '../plugin.json'), JSON.stringify(await manifest(), null, 2))
}

/**
 * What the form of an instance is made of: its JSON Schema, the sentences of the configuration reference, and which fields
 * are secrets and addresses.
 * @param {import('esbuild').PluginBuild} build
 */
function instanceForm({ onResolve, onLoad }) {
  onResolve({ filter: new RegExp(`^${INSTANCE}$`) }, () => ({ path: INSTANCE, namespace: INSTANCE }))
  onLoad({ filter: /^/, namespace: INSTANCE }, async () => {
    const { default: plugin } = await import('../../../plugin.json', { with: { type: 'json' } })
    const [{ schema, secretFields, addressFields }] = plugin.contributes.configuration
    const { default: content } = await import(`../../../${schema}`, { with: { type: 'json' } })
    const { FILES } = await import(DESCRIPTIONS)
    const form = {
      schema: { oneOf: content.oneOf },
      secretFields,
      addressFields,
      hints: hintsOf(FILES.instance.properties),
    }
    return { contents: JSON.stringify(form), loader: 'json' }
  })
}

/** Without markup, and without links to other pages. */
function hintsOf(properties) {
  const entries = Object.entries(properties).map(([name, description]) => {
    const text = typeof description === 'string' ? description : description.text
    return [name.replace('.', '/'), text.replace(/;? ?(?:see )?\[[^\]]*\]\([^)]*\)/g, '').replaceAll('`', '')]
  })
  return Object.fromEntries(entries)
}

/** The manifest beside the compiled plugin. */
async function manifest() {
  const { default: content } = await import('../plugin.json', { with: { type: 'json' } })
  const { $schema: _, source: __, ...kept } = content
  return kept
}
