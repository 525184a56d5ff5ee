/** A real Chromium, one for each test file. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import Chromium from '@sparticuz/chromium'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { onCleanUp } from '../../helpers/clean-up.ts'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const PICTURES = join(import.meta.dirname, '../../../docs/pictures')
/** The browser's own protection stays on: what the page must not do has to fail. */
const ARGS = ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none', '--hide-scrollbars']
const WIDE = { width: 1280, height: 800 }

let launched: Promise<Browser> | undefined

async function browser(): Promise<Browser> {
  launched ??= Chromium.executablePath().then((executablePath) => chromium.launch({ executablePath, args: ARGS }))
  return launched
}

export async function closeBrowser(): Promise<void> {
  await (await launched)?.close()
  launched = undefined
}

export interface Opened {
  readonly page: Page
  /** What the page complained about: errors of scripts, refusals of the content security policy, foreign requests. */
  readonly complaints: readonly string[]
}

/**
 * Opens the console of a gateway.
 * @param url of the console, with `/` at its end
 * @param others origins that the page may ask, beside that of the console
 */
export async function openConsole(
  url: string,
  options: BrowserContextOptions = {},
  others: readonly string[] = [],
): Promise<Opened> {
  const context = await (await browser()).newContext({
    viewport: WIDE,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    ...options,
  })
  onCleanUp(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    // The browser itself names each answer from 400 up.
    if (message.type() === 'error' && !/^Failed to load resource/.test(message.text())) complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (![new URL(url).origin, ...others].includes(new URL(request.url()).origin))
      complaints.push(`foreign request: ${request.url()}`)
  })
  await page.goto(url)
  return { page, complaints }
}

export async function signIn(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel('User name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Areas' }).waitFor()
}

/** Fails for what axe-core finds serious or critical. */
export async function assertAccessible(page: Page): Promise<void> {
  // Not by a tag in the page, which its policy refuses.
  await page.evaluate(await axeSource())
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } }
    const { violations } = await axe.run()
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      targets: nodes.map(({ target }) => target.join(' ')),
    }))
  })
  assert.deepEqual(
    found.filter(({ impact }) => impact === 'serious' || impact === 'critical'),
    [],
  )
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string | null
    readonly nodes: readonly { readonly target: readonly string[] }[]
  }[]
}

async function axeSource(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(AXE, 'utf8')
}

/** Takes a picture for the documentation if it is asked for: `PICTURES=1`. */
export async function picture(page: Page, name: string): Promise<void> {
  if (process.env.PICTURES !== '1') return
  await page.screenshot({ path: join(PICTURES, `${name}.png`), scale: 'css', animations: 'disabled' })
}
