let inside = 0
let restore = (): void => {}

/**
 * Runs a task without oidc-provider's notices, which are for the operators of a production server. Whatever else is
 * printed meanwhile still is.
 */
export async function quietly<T>(task: () => Promise<T>): Promise<T> {
  if (inside++ === 0) {
    const { info, warn } = console
    console.info = withoutNotices(info)
    console.warn = withoutNotices(warn)
    restore = () => Object.assign(console, { info, warn })
  }
  try {
    return await task()
  } finally {
    if (--inside === 0) {
      restore()
    }
  }
}

function withoutNotices(print: (...data: unknown[]) => void): (...data: unknown[]) => void {
  return (...data) => {
    if (!/oidc-provider (?:NOTICE|WARNING): /.test(String(data[0]))) {
      print(...data)
    }
  }
}
