// @ts-check

/**
 * Where to go after the sign-in: the path, query and fragment in `returnTo`, or undefined if it
 * leads to another site. Anybody can write a link with a `returnTo`, so check it before you redirect.
 *
 * @param {unknown} returnTo
 */
export function localPath(returnTo) {
  // Any origin will do. A URL that names another site ends up with another origin.
  const base = 'http://localhost'
  if (typeof returnTo !== 'string' || !returnTo.startsWith('/')) return undefined
  if (!URL.canParse(returnTo, base)) return undefined
  const { origin, pathname, search, hash } = new URL(returnTo, base)
  // `/.//example.com` is parsed to `//example.com`, which browsers read as another site.
  if (origin !== base || pathname.startsWith('//')) return undefined
  return pathname + search + hash
}
