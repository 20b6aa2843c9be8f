const { mkdirSync, readdirSync, symlinkSync } = require('node:fs')
const path = require('node:path')

const root = path.join(__dirname, '../..')
const name = 'passport-huggingface'

/** Gives a folder elsewhere modules of this project, usually all, and the built package among them. */
function lendModules(folder, names = readdirSync(path.join(root, 'node_modules'))) {
  const modules = path.join(folder, 'node_modules')
  mkdirSync(modules)
  for (const each of new Set([...names, name])) {
    if (!each.startsWith('.')) symlinkSync(each === name ? root : path.join(root, 'node_modules', each), path.join(modules, each))
  }
}

module.exports = { root, lendModules }
