import { generate } from 'selfsigned'

/** A self-signed certificate for localhost and 127.0.0.1. */
export async function certificate() {
  const altNames = [{ type: 2, value: 'localhost' } as const, { type: 7, ip: '127.0.0.1' } as const]
  const extensions = [{ name: 'subjectAltName' as const, altNames }]
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec', extensions })
  return { key, cert }
}
