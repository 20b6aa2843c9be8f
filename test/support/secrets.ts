import { inspect } from 'node:util'

/** The ways in which an echo may write a secret. */
function formsOf(secret: string): Set<string> {
  const small = (text: string) => text.replace(/%../g, (code) => code.toLowerCase())
  const percent = encodeURIComponent(secret)
  const form = new URLSearchParams([['', secret]]).toString().slice(1)
  const html = secret.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  const binary = (['hex', 'base64', 'base64url'] as const).map((encoding) => Buffer.from(secret).toString(encoding))
  const json = JSON.stringify(secret).slice(1, -1)
  return new Set([secret, percent, small(percent), form, small(form), json, encodeURIComponent(percent), html, ...binary])
}

/** All that somebody could print or serialize of a value, hidden and inherited parts included. */
function textsOf(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value]
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return []
  seen.add(value)
  if (ArrayBuffer.isView(value)) return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')]
  const texts: string[] = []
  const attempt = (read: () => unknown) => {
    try {
      texts.push(...[read()].flat().map(String))
    } catch {
      // it cannot be printed that way, or a getter of Node's wants another `this`
    }
  }
  attempt(() => String(value))
  attempt(() => JSON.stringify(value))
  attempt(() => inspect(value, { showHidden: true, depth: 10, maxArrayLength: null, maxStringLength: null }))
  for (const name of [...Reflect.ownKeys(value), 'message', 'stack', 'cause']) {
    attempt(() => [String(name), ...textsOf(Reflect.get(value, name), seen)])
  }
  return texts
}

/** The secrets that `value` gives away, in any spelling; of a long one the beginning. */
export function secretsIn(value: unknown, secrets: Iterable<string>): string[] {
  const text = [...new Set(textsOf(value))].join('\n')
  // what is split by line breaks or invisible characters can be put together again
  const all = `${text}\n${text.replace(/[\s\p{Cc}\p{Cf}]/gu, '')}`
  return [...secrets].filter((secret) => [...formsOf(secret)].some((form) => all.includes(form))).map((secret) => secret.slice(0, 80))
}
