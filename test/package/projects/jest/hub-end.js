module.exports = () => globalThis.hub.close()
