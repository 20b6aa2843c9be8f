import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Gives a folder elsewhere the modules of this project, and the built package among them. */
export function lendModules(folder) {
  const modules = path.join(folder, 'node_modules')
  mkdirSync(modules)
  symlinkSync(root, path.join(modules, 'passport-huggingface'))
  for (const name of readdirSync(path.join(root, 'node_modules'))) {
    if (name !== 'passport-huggingface' && !name.startsWith('.'))
      symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name))
  }
}
