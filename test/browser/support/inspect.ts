import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from '@jest/globals'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

/** A directory to write screenshots to. Default: none. */
const screenshots = process.env['SCREENSHOTS']

/** axe-core finds nothing, and nothing is wider than the screen: wide and narrow, light and dark. */
export async function inspect(page: Page, name: string): Promise<void> {
  await page.addScriptTag({ path: require.resolve('axe-core') })
  for (const colorScheme of ['dark', 'light'] as const) {
    for (const width of [320, 1280]) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 900 })
      const view = `${name}-${width}-${colorScheme}`
      const { violations, incomplete } = await page.evaluate<AxeResults>('axe.run()')
      const found = [...violations, ...incomplete].flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
      expect({ view, found }).toEqual({ view, found: [] })
      expect({ view, overflow: await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth') }).toEqual({
        view,
        overflow: 0,
      })
      if (screenshots !== undefined) {
        mkdirSync(screenshots, { recursive: true })
        await page.screenshot({ path: join(screenshots, `${view}.png`), fullPage: true })
      }
    }
  }
}
