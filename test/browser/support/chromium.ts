import { type Browser, type BrowserContext, chromium, type Locator } from 'playwright-core'

/**
 * Starts Chromium. It sends every request for another machine to `port`, so that invented hosts work
 * and the Internet cannot be reached.
 */
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

/** A browser profile of its own, with timeouts that end before the test does. */
export async function newPerson(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 900 } })
  context.setDefaultTimeout(10_000)
  return context
}

/** The text that a person can read there. */
export async function shownText(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: it would have hidden text too
  return locator.innerText()
}
