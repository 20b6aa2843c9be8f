// The code in the documentation, and what else in it can go out of date.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The Markdown files that users and contributors read. */
export function documents(root) {
  const markdown = (folder) => readdirSync(path.join(root, folder)).filter((file) => file.endsWith('.md'))
  return [...markdown('.'), ...markdown('docs').map((file) => `docs/${file}`)].sort()
}

/** The fenced blocks of a document, with the number of their first line and the heading above them. */
function blocks(markdown) {
  const found = []
  let open
  let heading = ''
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = line.match(/^```(\w*)/)
    if (open === undefined) heading = line.match(/^#+\s+(.+)$/)?.[1] ?? heading
    if (open === undefined && fence) {
      open = { language: fence[1], line: index + 2, heading, lines: [] }
    } else if (open !== undefined && fence) {
      found.push({ ...open, text: `${open.lines.join('\n')}\n` })
      open = undefined
    } else if (open !== undefined) {
      open.lines.push(line)
    }
  }
  if (open !== undefined) throw new Error(`the block that begins in line ${open.line} has no end`)
  return found
}

/**
 * The TypeScript and JavaScript blocks of all documents. One that begins with a comment such as `// server.js` is a file of the small
 * project that its document describes.
 */
export function samples(root) {
  return documents(root).flatMap((document) =>
    blocks(readFileSync(path.join(root, document), 'utf8'))
      .filter(({ language }) => ['ts', 'js'].includes(language))
      .map((block) => {
        const page = document.replace(/\.md$/, '').replaceAll('/', '-')
        const file = block.text.match(/^\/\/ ([\w./-]+\.(?:js|ts))\n/)?.[1]
        return { ...block, document, page, file, name: `${page}-line-${block.line}` }
      }),
  )
}

/** Prose without blocks, for links and headings. */
export function prose(markdown) {
  return markdown.replace(/^```[\s\S]*?^```/gm, '')
}

/** The targets of links and images that are not addresses elsewhere. */
export function internalLinks(markdown) {
  const targets = [...prose(markdown).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target)
  return targets.filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
}

/** The anchors that a document's headings have on GitHub and npm. */
export function anchors(markdown) {
  const headings = [...prose(markdown).matchAll(/^#+\s+(.+)$/gm)].map(([, heading]) => heading)
  return headings.map((heading) =>
    heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** The text under a heading of the second level. */
export function section(markdown, heading) {
  const [, text] = `${markdown}\n## `.match(new RegExp(`\n## ${heading}\n([\\s\\S]*?)\n## `)) ?? []
  if (text === undefined) throw new Error(`there is no heading: ${heading}`)
  return text
}

/** What is in backquotes in the first column of the tables. */
export function firstColumn(markdown) {
  const cells = prose(markdown)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|')[1] ?? '')
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code))
}
