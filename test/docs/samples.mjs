// The samples of the documentation, found.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from '../support/modules.js'

export const read = (file) => readFileSync(path.join(root, file), 'utf8')

const markdown = (folder) => readdirSync(path.join(root, folder)).filter((file) => file.endsWith('.md'))

/** The Markdown files that users and contributors read. */
export const documents = [...markdown('.'), ...markdown('docs').map((file) => `docs/${file}`)].sort()

/**
 * The TypeScript and JavaScript samples of all documents. Those that begin with a comment such as `// server.js` are files of a small project.
 * Those that add to an `app` without having one are fragments.
 */
export const samples = documents.flatMap((document) => {
  const page = document.replace(/\.md$/, '').replaceAll('/', '-')
  const text = read(document)
  return [...text.matchAll(/^```(ts|js)\n([\s\S]*?)^```$/gm)].map(({ 1: language, 2: code, index }) => {
    const line = text.slice(0, index).split('\n').length + 1
    const file = code.match(/^\/\/ ([\w./-]+)\.(?:js|ts)\n/)?.[1]
    const isFragment = /\bapp\.\w+\(/.test(code) && !/\bapp = /.test(code)
    return { document, page, language, line, file, isFragment, code, name: file ? `${page}/${file}` : `${page}-line-${line}` }
  })
})
