/** What to put into the document. */
export interface ClientMetadataOptions {
  /** The document's own address, which is the client ID: `https://app.example/.well-known/oauth-cimd`. */
  clientID: string
  /** Shown on the consent page. */
  clientName: string
  /** On the same origin as the document. */
  redirectURIs: readonly string[]
  /** The app's home page. */
  clientURI?: string | undefined
  logoURI?: string | undefined
  /** Default `profile`. */
  scope?: string | readonly string[] | undefined
}

/** A client ID metadata document, by the names of RFC 7591 2: serve it as JSON at its own address. */
export interface ClientMetadata {
  client_id: string
  client_name: string
  redirect_uris: string[]
  scope: string
  grant_types: string[]
  response_types: string[]
  token_endpoint_auth_method: 'none'
  client_uri?: string
  logo_uri?: string
}

/** Bytes that the Hub reads. */
const largestDocument = 5 * 1024

/**
 * The document that lets an app sign people in without being registered at the Hub: give its address as `clientID`, and no `clientSecret`.
 * https://huggingface.co/docs/hub/oauth, and the draft draft-ietf-oauth-client-id-metadata-document.
 *
 * @throws {TypeError} where the Hub would not accept it
 */
export function clientMetadata(options: ClientMetadataOptions): ClientMetadata {
  const { clientID, clientName, redirectURIs, clientURI, logoURI, scope = 'profile' } = options
  const { origin } = secureURL('clientID', clientID)
  if (!clientName) throw wrong('clientName is missing; people see it when they consent')
  if (!redirectURIs?.length) throw wrong('redirectURIs is empty; name at least the callbackURL')
  for (const uri of redirectURIs) {
    if (secureURL('redirectURIs', uri).origin !== origin) throw wrong(`every redirect URI has to be on ${origin}, where the document is`)
  }
  const document: ClientMetadata = {
    client_id: clientID,
    client_name: clientName,
    redirect_uris: [...redirectURIs],
    scope: [scope].flat().join(' '),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    ...(clientURI === undefined ? {} : { client_uri: secureURL('clientURI', clientURI).href }),
    ...(logoURI === undefined ? {} : { logo_uri: secureURL('logoURI', logoURI).href }),
  }
  const size = Buffer.byteLength(JSON.stringify(document))
  if (size > largestDocument) throw wrong(`the document has ${size} bytes; the Hub reads ${largestDocument}`)
  return document
}

function secureURL(option: string, address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  // the draft: https, a path, no fragment, no credentials; compared as a string, so nothing may be left to normalise
  if (url?.protocol !== 'https:' || url.hash || url.username || url.password) throw wrong(`${option} has to be an https: address`)
  if (option === 'clientID' && (url.pathname === '/' || url.href !== address)) {
    throw wrong(`clientID has to be the document's whole address with its path, such as ${url.origin}/.well-known/oauth-cimd`)
  }
  return url
}

function wrong(message: string): TypeError {
  return new TypeError(`clientMetadata: ${message}`)
}
