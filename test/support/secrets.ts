import { inspect } from 'node:util'

/** How a Hub or a proxy might repeat a text. */
export const echoes: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'in percent encoding': encodeURIComponent,
  'as a form': (text) => new URLSearchParams([['', text]]).toString().slice(1),
  'as JSON': (text) => JSON.stringify(text).slice(1, -1),
  'escaped for HTML': (text) => text.replace(/[&<>"'`=/+]/g, (character) => `&#${character.charCodeAt(0)};`),
  'in hex': (text) => Buffer.from(text).toString('hex'),
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'in base64url': (text) => Buffer.from(text).toString('base64url'),
  'with line breaks in it': (text) => text.replace(/.{9}/g, '$&\r\n'),
  'with invisible characters in it': (text) => text.replace(/.{3}/g, '$&\u200b\u00ad\ufeff'),
}

/** All that somebody could print or serialize of a value, hidden parts included. */
function textsOf(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  seen.add(value)
  if (ArrayBuffer.isView(value)) return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')]
  const printed = inspect(value, { showHidden: true, depth: 10, maxArrayLength: null, maxStringLength: null })
  return [printed, ...Reflect.ownKeys(value).flatMap((name) => [String(name), ...textsOf(Reflect.get(value, name), seen)])]
}

/** The secrets that `value` gives away, in any spelling; of a long one the beginning. */
export function secretsIn(value: unknown, secrets: Iterable<string>): string[] {
  const text = [...new Set(textsOf(value))].join('\n')
  // what is split by line breaks or invisible characters can be put together again
  const all = `${text}\n${text.replace(/[\s\p{Cc}\p{Cf}]/gu, '')}`
  const isShown = (secret: string) => Object.values(echoes).some((echo) => all.includes(echo(secret)))
  return [...secrets].filter(isShown).map((secret) => secret.slice(0, 80))
}
