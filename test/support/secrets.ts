import { inspect } from 'node:util'

/** The ways in which an echo may write a secret. */
function formsOf(secret: string): Set<string> {
  const percent = encodeURIComponent(secret)
  const form = new URLSearchParams([['', secret]]).toString().slice(1)
  return new Set([
    secret,
    percent,
    percent.replace(/%../g, (code) => code.toLowerCase()),
    form,
    form.replace(/%../g, (code) => code.toLowerCase()),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(percent),
    secret.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`),
    Buffer.from(secret).toString('hex'),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('base64url'),
  ])
}

/** All that somebody could print or serialise of a value, hidden and inherited parts included. */
function textsOf(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value]
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return []
  seen.add(value)
  if (ArrayBuffer.isView(value)) return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1')]
  const texts: string[] = []
  const tell = (text: () => unknown) => {
    try {
      texts.push(String(text()))
    } catch {
      // it cannot be printed that way
    }
  }
  tell(() => String(value))
  tell(() => JSON.stringify(value))
  tell(() => inspect(value, { showHidden: true, depth: 10, maxArrayLength: null, maxStringLength: null }))
  for (const name of [...Reflect.ownKeys(value), 'message', 'stack', 'cause']) {
    tell(() => String(name))
    try {
      texts.push(...textsOf(Reflect.get(value, name), seen))
    } catch {
      // a getter of Node's that wants another `this`
    }
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
