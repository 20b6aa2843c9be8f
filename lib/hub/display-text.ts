/**
 * What the Hub or the browser said, fit to be shown: without control characters, with every long run
 * that could be a secret masked, and at most 300 characters long.
 */
export function displayText(said: unknown): string | undefined {
  if (typeof said !== 'string') return undefined
  const text = said
    .slice(0, 4096)
    // a line break or an invisible character within a run does not end it
    .replace(/[\w.~+/=%-]([\p{Cc}\p{Cf}\p{Cs}]*[\w.~+/=%-]){19,}/gu, '***')
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]+/gu, '')
    .trim()
  const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text
  return shown.replace(/\p{Cs}/gu, '') || undefined
}

/** An OAuth error in one line: its code, and its description if there is one. */
export const quoted = (code: string, said: string | undefined): string =>
  said ? `${code}: "${said}"` : code

/** The error code of an OAuth response, if it looks like one (RFC 6749 5.2). */
export const errorCode = (said: unknown): string | undefined =>
  typeof said === 'string' && /^[a-z_]{1,40}$/.test(said) ? said : undefined

/** The Hub's request ID, if it looks like one: `Root=1-…` or a UUID. A long run could be a secret. */
export const requestId = (said: unknown): string | undefined =>
  /^(Root=)?[\da-f]{1,24}([-;][\da-f]{1,24}){0,9}$/i.exec(String(said).slice(0, 100))?.[0]

/** A cause without what Node adds to it: its parse errors contain the raw response. */
export function sanitizedCause(cause: unknown): Error {
  const { message, code, errors } = Object(cause) as Record<string, unknown>
  // Node tries every address of a host. The error has an empty message then, and a list of reasons.
  const reasons = [errors].flat().map((each) => Object(each).message)
  const text = displayText(message || reasons.filter(Boolean).join('; ') || code)
  const known = typeof code === 'string' ? { code: displayText(code) } : {}
  return Object.assign(new Error(text ?? 'no reason given'), known)
}
