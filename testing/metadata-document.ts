import { request } from 'node:https'

const loopback = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/

/**
 * The document of a client whose ID is a URL. On this machine any certificate is good enough, so that an app under
 * development can serve its document with one it made itself.
 */
export async function fetchMetadataDocument(
  address: string,
  provide: ((clientID: string) => object | Promise<object>) | undefined,
): Promise<Response> {
  if (provide !== undefined) {
    return Response.json(await provide(address))
  }
  const { hostname } = new URL(address)
  return new Promise((resolve, reject) => {
    const options = {
      headers: { accept: 'application/json' },
      rejectUnauthorized: !loopback.test(hostname),
      agent: false,
      signal: AbortSignal.timeout(2500),
    } as const
    request(address, options, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => resolve(new Response(Buffer.concat(chunks), { status: res.statusCode ?? 502 })))
    })
      .on('error', reject)
      .end()
  })
}
