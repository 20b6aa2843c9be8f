import type { FrameLocator, Page } from 'playwright-core'

/** A page, or a frame in one. */
export type View = Pick<Page | FrameLocator, 'getByRole' | 'getByLabel'>

/** Says who they are at the Hub. */
export async function choosePerson(view: View, name: string): Promise<void> {
  await view.getByRole('button', { name, exact: true }).click()
}

export async function authorize(view: View): Promise<void> {
  await view.getByRole('button', { name: 'Authorize' }).click()
}
