const { generate } = require('selfsigned')

const altNames = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
]
const options = { keyType: 'ec', algorithm: 'sha256', extensions: [{ name: 'subjectAltName', altNames }] }

/** A self-signed certificate for localhost and 127.0.0.1. */
exports.certificate = async () => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], options)
  return { key, cert }
}
