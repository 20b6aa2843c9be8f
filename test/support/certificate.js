const { generate } = require('selfsigned')

/** A self-signed certificate for localhost and 127.0.0.1. */
exports.certificate = async () => {
  const altNames = [
    { type: 2, value: 'localhost' },
    { type: 7, ip: '127.0.0.1' },
  ]
  const extensions = [{ name: 'subjectAltName', altNames }]
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions,
  })
  return { key, cert }
}
