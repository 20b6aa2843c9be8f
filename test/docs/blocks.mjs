// The code in the documentation, and the things around it that can rot.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** The Markdown files that users and contributors read. */
export function documents(root) {
  const top = readdirSync(root).filter((file) => file.endsWith('.md'))
  const docs = readdirSync(path.join(root, 'docs')).filter((file) => file.endsWith('.md'))
  return [...top, ...docs.map((file) => `docs/${file}`)].sort()
}

/** The fenced blocks of a document: language, first line's number, text, and the heading that it stands under. */
export function blocks(markdown) {
  const found = []
  let open
  let heading = ''
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = line.match(/^(\s*)(`{3,}|~{3,})\s*(\w*)/)
    if (open === undefined) heading = line.match(/^#+\s+(.+)$/)?.[1] ?? heading
    if (open === undefined && fence) {
      open = { indent: fence[1].length, fence: fence[2], language: fence[3].toLowerCase(), line: index + 2, lines: [] }
    } else if (open !== undefined && line.trim() === open.fence) {
      found.push({ language: open.language, line: open.line, heading, text: `${open.lines.join('\n')}\n` })
      open = undefined
    } else if (open !== undefined) {
      open.lines.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)))
    }
  }
  if (open !== undefined) throw new Error(`the block that begins in line ${open.line} has no end`)
  return found
}

/** The TypeScript and JavaScript blocks of all documents. */
export function samples(root) {
  return documents(root).flatMap((document) =>
    blocks(readFileSync(path.join(root, document), 'utf8'))
      .map((block) => ({ ...block, document, extension: { ts: 'ts', typescript: 'ts', js: 'mjs', javascript: 'mjs' }[block.language] }))
      .filter(({ extension }) => extension !== undefined)
      .map((block) => ({ ...block, name: `${document.replaceAll('/', '-').replace(/\.md$/, '')}-line-${block.line}` })),
  )
}

/** Prose without blocks and code spans, for links and headings. */
export function prose(markdown) {
  let fence
  const lines = markdown.split('\n').filter((line) => {
    const [, mark] = line.match(/^\s*(`{3,}|~{3,})/) ?? []
    if (mark === undefined) return fence === undefined
    fence = fence === undefined ? mark : undefined
    return false
  })
  return lines.join('\n')
}

/** The targets of links that are not addresses elsewhere. */
export function internalLinks(markdown) {
  const targets = [...prose(markdown).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)].map(([, target]) => target)
  return targets.filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
}

/** The anchors that a document's headings have on GitHub and npm. */
export function anchors(markdown) {
  const headings = [...prose(markdown).matchAll(/^#+\s+(.+)$/gm)].map(([, heading]) => heading)
  return headings.map((heading) =>
    heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

/** What stands under a heading of the second level. */
export function section(markdown, heading) {
  const [, text] = `${markdown}\n## `.match(new RegExp(`\n## ${heading}\n([\\s\\S]*?)\n## `)) ?? []
  if (text === undefined) throw new Error(`there is no heading: ${heading}`)
  return text
}

/** What stands in backquotes in the first column of a document's tables. */
export function firstColumn(markdown) {
  const cells = prose(markdown)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|')[1] ?? '')
  return cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code))
}
