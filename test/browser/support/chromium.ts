import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from 'playwright-core'

const screenshots = join(tmpdir(), 'passport-huggingface-screenshots')

/** Starts Chromium. `port` gets every request that does not go to this machine, so that made-up hosts work and the Internet is out of reach. */
export async function startChromium({ port, args = [] }: { port?: number; args?: string[] } = {}): Promise<Browser> {
  const elsewhere = port === undefined ? '~NOTFOUND' : `127.0.0.1:${port}`
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--host-resolver-rules=MAP * ${elsewhere}, EXCLUDE localhost, EXCLUDE 127.0.0.1`,
      ...args,
    ],
  })
}

/** A person's browser: empty, and impatient enough for a test to end. */
export async function newPerson(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 900, height: 900 } })
  context.setDefaultTimeout(10_000)
  return context
}

/** For people to look at: in the directory for temporary files. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true })
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
}

/** What a person can read there. */
export async function shownText(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: not what the style hides
  return locator.innerText()
}
