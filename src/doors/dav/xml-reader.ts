/**
 * Reads the few forms of XML that requests of WebDAV have: elements, namespaces and text, no
 * document type and so no entities of its own. The caller bounds the length of the document.
 */
import { HttpError } from '../../daemon/http/http-error.ts'
import { DAV_XML_DEPTH } from '../../limits.ts'

export interface XmlName {
  /** Empty for a name without one. */
  readonly namespace: string
  readonly local: string
}

/** An element. Its text and attributes say nothing in these requests, and are not kept. */
export interface XmlElement extends XmlName {
  readonly children: readonly XmlElement[]
}

/** An element whose end has not come yet. */
interface OpenElement {
  /** As it is written, with its prefix. */
  readonly tag: string
  readonly children: XmlElement[]
  /** Namespaces by prefix. */
  readonly scope: ReadonlyMap<string, string>
}

const FIRST =
  'A-Z_a-z\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C\u200D\u2070-\u218F\u2C00-\u2FEF\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\\u{10000}-\\u{EFFFF}'
const NAME = `[${FIRST}][${FIRST}\\-.0-9\u00B7\u0300-\u036F\u203F\u2040]*`
const TAG = `(?:${NAME}:)?${NAME}`
const VALUE = `"[^"<]*"|'[^'<]*'`

const START = new RegExp(`<(${TAG})((?:\\s+${TAG}\\s*=\\s*(?:${VALUE}))*)\\s*(/?)>`, 'uy')
const END = new RegExp(`</(${TAG})\\s*>`, 'uy')
const ATTRIBUTE = new RegExp(`(${TAG})\\s*=\\s*(${VALUE})`, 'gu')
const DECLARATION =
  /^<\?xml\s+version\s*=\s*["']1\.\d["'](?:\s+encoding\s*=\s*["']([\w.-]+)["'])?(?:\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>/

/** What no document has. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u

const SPACE = /^[ \t\r\n]*$/

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
}

/** The root element. Throws 400 for what is not such a document. */
export function readXml(document: string): XmlElement {
  const text = document.replace(/^\ufeff/, '')
  if (FORBIDDEN.test(text)) throw refused('it has a character that XML forbids')
  const open: OpenElement[] = []
  let root: XmlElement | undefined
  let at = declarationEnd(text)
  while (at < text.length) {
    const next = text.indexOf('<', at)
    const end = next === -1 ? text.length : next
    checkText(text.slice(at, end), open.length > 0)
    at = end
    if (at === text.length) break
    const passed = pastOther(text, at, open.length > 0)
    if (passed !== undefined) {
      at = passed
    } else if (text.startsWith('</', at)) {
      const tag = matchAt(END, text, at)[1]
      if (open.pop()?.tag !== tag) throw refused(`</${tag}> ends nothing`)
      at = END.lastIndex
    } else {
      const [, tag = '', attributes = '', isEmpty] = matchAt(START, text, at)
      at = START.lastIndex
      const above = open.at(-1)
      if (above === undefined && root !== undefined) throw refused('it has two roots')
      if (open.length === DAV_XML_DEPTH) throw refused(`it has more than ${DAV_XML_DEPTH} levels`)
      const scope = scopeOf(attributes, above?.scope ?? NO_SCOPE)
      const children: XmlElement[] = []
      const element = { ...nameOf(tag, scope), children }
      if (above === undefined) root = element
      else above.children.push(element)
      if (isEmpty === '') open.push({ tag, children, scope })
    }
  }
  if (root === undefined || open.length > 0) throw refused('it ends early')
  return root
}

const NO_SCOPE: ReadonlyMap<string, string> = new Map([['', '']])

/** Namespaces that no document may declare. */
const RESERVED = /^http:\/\/www\.w3\.org\/(?:XML\/1998\/namespace|2000\/xmlns\/)$/

/** Where the declaration ends. Other encodings than UTF-8 are not read. */
function declarationEnd(text: string): number {
  if (!/^<\?xml\s/.test(text)) return 0
  const [whole, encoding = 'utf-8'] = DECLARATION.exec(text) ?? []
  if (whole === undefined) throw refused('its declaration is not understood')
  if (/^(utf-?8|us-ascii)$/i.test(encoding)) return whole.length
  throw refused(`it is in ${encoding}, not in UTF-8`)
}

/** Where a comment, section or instruction ends that begins here; undefined: none does. */
function pastOther(text: string, at: number, isInside: boolean): number | undefined {
  if (text.startsWith('<!--', at)) return pastEnd(text, at + 4, '-->')
  if (isInside && text.startsWith('<![CDATA[', at)) return pastEnd(text, at + 9, ']]>')
  if (text.startsWith('<?', at) && !/^<\?xml\s/i.test(text.slice(at, at + 6))) {
    return pastEnd(text, at + 2, '?>')
  }
  if (text.startsWith('<!', at)) throw refused('it has a document type')
  return undefined
}

function pastEnd(text: string, at: number, end: string): number {
  const found = text.indexOf(end, at)
  if (found === -1) throw refused('it ends early')
  return found + end.length
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray {
  pattern.lastIndex = at
  const found = pattern.exec(text)
  if (found !== null) return found
  throw refused(`this is no tag: ${text.slice(at, at + 40)}`)
}

/** The namespaces that apply to an element with these attributes. */
function scopeOf(
  attributes: string,
  above: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  if (attributes === '') return above
  const scope = new Map(above)
  const seen = new Set<string>()
  for (const [, name = '', quoted = ''] of attributes.matchAll(ATTRIBUTE)) {
    if (seen.has(name)) throw refused(`it has the attribute ${name} twice`)
    seen.add(name)
    const value = decoded(quoted.slice(1, -1))
    const prefix = /^xmlns(?::(.+))?$/u.exec(name)
    if (prefix === null) continue
    const isEmpty = prefix[1] !== undefined && value === ''
    if (isEmpty || RESERVED.test(value)) throw refused(`${name} stands for no namespace`)
    scope.set(prefix[1] ?? '', value)
  }
  return scope
}

function nameOf(tag: string, scope: ReadonlyMap<string, string>): XmlName {
  const colon = tag.indexOf(':')
  const prefix = colon === -1 ? '' : tag.slice(0, colon)
  const namespace = scope.get(prefix)
  if (namespace === undefined) throw refused(`the prefix ${prefix} has no namespace`)
  return { namespace, local: tag.slice(colon + 1) }
}

function checkText(text: string, isInside: boolean): void {
  if (!isInside && !SPACE.test(text)) throw refused('it has text outside of its root')
  decoded(text)
}

/** The text with its references replaced. */
function decoded(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&([^;&]{0,32};?)/g, (_, reference: string) => {
    const name = reference.endsWith(';') ? reference.slice(0, -1) : ''
    const character = Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : numbered(name)
    if (character !== undefined) return character
    throw refused(`it has an entity that XML does not define: &${reference}`)
  })
}

function numbered(name: string): string | undefined {
  const digits = /^#(?:(\d{1,7})|x([\dA-Fa-f]{1,6}))$/.exec(name)
  if (digits === null) return undefined
  const code = digits[1] === undefined ? parseInt(digits[2]!, 16) : Number(digits[1])
  const character = code > 0x10ffff ? '\0' : String.fromCodePoint(code)
  return FORBIDDEN.test(character) ? undefined : character
}

const refused = (why: string): HttpError => new HttpError(400, `the body is not understood: ${why}`)
