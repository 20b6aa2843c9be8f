import { request } from 'node:https'
import type { Client } from './clients'

type Document = { readonly [name: string]: unknown }

/** The app whose client ID is the URL of its metadata document. Rejects with what is wrong. */
export async function clientFromDocument(
  clientID: string,
  read: (clientID: string) => object | Promise<object> = fetchDocument,
): Promise<Client> {
  const document = (await read(clientID)) as Document
  const { client_id: id, client_name: name, redirect_uris: redirectURIs, scope } = document
  if (id !== clientID) {
    throw new Error(`The metadata document has the client_id ${id}, but its URL is ${clientID}`)
  }
  if (!Array.isArray(redirectURIs)) {
    throw new Error('The metadata document has no redirect_uris')
  }
  return {
    clientID,
    redirectURIs: redirectURIs.map(String),
    ...(typeof name === 'string' && { name }),
    ...(typeof scope === 'string' && { scopes: scope.split(' ') }),
  }
}

const loopback = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/

async function fetchDocument(url: string): Promise<object> {
  return new Promise((resolve, reject) => {
    const options = {
      headers: { accept: 'application/json' },
      // An app under development may have a certificate of its own.
      rejectUnauthorized: !loopback.test(new URL(url).hostname),
      agent: false,
      signal: AbortSignal.timeout(2500),
    } as const
    const req = request(url, options, async (res) => {
      try {
        resolve(JSON.parse((await res.setEncoding('utf8').toArray()).join('')))
      } catch (error) {
        reject(error)
      }
    })
    req.on('error', reject).end()
  })
}
