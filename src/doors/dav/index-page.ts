/** Pages that list a folder, for browsers and for clients that read links. */
import { createHash } from 'node:crypto'
import { dateOf } from '../webdav.ts'
import { escaped, type Resource } from './resource.ts'

const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;margin:2rem}table{border-spacing:1.5rem .1rem;margin-left:-1.5rem}td+td{text-align:right;white-space:nowrap;color:GrayText}'

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/**
 * No script runs, whatever a name has in it. The origin stays its own, as a browser would not send
 * the token along a link otherwise, and links may lead to files that it saves.
 */
export const PAGE_POLICY: string = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  'sandbox allow-same-origin allow-downloads',
].join('; ')

/** What comes before the rows. */
export function pageStart(path: string, isRoot: boolean): string {
  const title = escaped(path)
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>${title}</h1>`,
    '<table>',
    ...(isRoot ? [] : ['<tr><td><a href="../">../</a></td></tr>']),
    '',
  ].join('\n')
}

export const PAGE_END = '</table>\n</body>\n</html>\n'

/** A row. Its link is relative, so that the page may be served below other paths. */
export function pageRow({ name, isFolder, size, boundMs }: Resource): string {
  const slash = isFolder ? '/' : ''
  const time =
    boundMs === undefined ? '' : dateOf(boundMs).toISOString().replace('T', ' ').slice(0, -5)
  return `<tr><td><a href="${escaped(encodeURIComponent(name))}${slash}">${escaped(name)}${slash}</a></td><td>${size ?? ''}</td><td>${time}</td></tr>\n`
}
