import type { FrameLocator, Page } from 'playwright-core'

/** A page, or a frame in one. */
export type View = Pick<Page | FrameLocator, 'getByRole' | 'getByLabel'>

export async function choosePerson(view: View, name: string): Promise<void> {
  await view.getByRole('button', { name }).click()
}

export async function authorize(view: View): Promise<void> {
  await view.getByRole('button', { name: 'Authorize' }).click()
}
