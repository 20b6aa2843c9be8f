const { startHub } = require('passport-huggingface/testing')

module.exports = async () => {
  globalThis.hub = await startHub()
  process.env.HF_HUB_URL = globalThis.hub.url
}
