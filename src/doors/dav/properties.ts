/** The properties of resources, and the document that lists them (RFC 4918, section 14). */
import { tagOf } from '../../daemon/http/immediate/value-headers.ts'
import { mediaTypeOf } from '../../daemon/http/trees/media-types.ts'
import { DAV, type Wanted } from './propfind-body.ts'
import { dateOf, httpDateOf } from '../webdav.ts'
import { escaped, type Resource } from './resource.ts'
import type { XmlName } from './xml-reader.ts'

/** The name that Apache gave to the bit of executable files; davfs2 knows it. */
const APACHE = 'http://apache.org/dav/props/'

/** What stands in the element of a property; undefined where a resource has none. */
type Property = (resource: Resource) => string | undefined

const PROPERTIES: readonly (XmlName & { readonly of: Property })[] = [
  { namespace: DAV, local: 'displayname', of: ({ name }) => escaped(name) },
  {
    namespace: DAV,
    local: 'resourcetype',
    of: ({ isFolder }) => (isFolder ? '<D:collection/>' : ''),
  },
  {
    namespace: DAV,
    local: 'getcontentlength',
    of: ({ isFolder, size }) => (isFolder || size === undefined ? undefined : String(size)),
  },
  {
    namespace: DAV,
    local: 'getcontenttype',
    of: ({ isFolder, name }) => (isFolder ? undefined : mediaTypeOf(name)),
  },
  { namespace: DAV, local: 'getetag', of: ({ key }) => key && escaped(tagOf(key)) },
  {
    namespace: DAV,
    local: 'getlastmodified',
    of: ({ boundMs }) => (boundMs === undefined ? undefined : httpDateOf(boundMs)),
  },
  {
    namespace: DAV,
    local: 'creationdate',
    of: ({ boundMs }) => (boundMs === undefined ? undefined : dateOf(boundMs).toISOString()),
  },
  {
    namespace: APACHE,
    local: 'executable',
    of: ({ executable }) => (executable === undefined ? undefined : executable ? 'T' : 'F'),
  },
]

/** Writes the `response` element of a resource at this path. */
export type WriteResponse = (href: string, resource: Resource) => string

/** Made once for each request: a folder may have a million resources. */
export function responseWriter(wanted: Wanted): WriteResponse {
  const isNames = wanted.type === 'propname'
  const all = wanted.type === 'prop' ? wanted.names.map(propertyOf) : PROPERTIES.map(withTags)
  return (href, resource) => {
    let found = ''
    let missing = ''
    for (const { start, end, empty, of } of all) {
      const value = of?.(resource)
      if (value === undefined) missing += empty
      else found += isNames || value === '' ? empty : `${start}${value}${end}`
    }
    const isComplete = wanted.type !== 'prop' || missing === ''
    return `<D:response><D:href>${escaped(href)}</D:href>${
      found === '' && !isComplete ? '' : propstat(found, '200 OK')
    }${isComplete ? '' : propstat(missing, '404 Not Found')}</D:response>\n`
  }
}

const propstat = (elements: string, status: string): string =>
  `<D:propstat><D:prop>${elements}</D:prop><D:status>HTTP/1.1 ${status}</D:status></D:propstat>`

interface Tags {
  readonly start: string
  readonly end: string
  readonly empty: string
  /** Undefined for a property that no resource has. */
  readonly of: Property | undefined
}

function propertyOf(name: XmlName): Tags {
  const { namespace, local } = name
  const known = PROPERTIES.find((one) => one.namespace === namespace && one.local === local)
  return withTags({ ...name, of: known?.of })
}

function withTags({ namespace, local, of }: XmlName & Pick<Tags, 'of'>): Tags {
  const tag = namespace === DAV ? `D:${local}` : namespace === '' ? local : `x:${local}`
  const start = tag.startsWith('x:') ? `${tag} xmlns:x="${escaped(namespace)}"` : tag
  return { start: `<${start}>`, end: `</${tag}>`, empty: `<${start}/>`, of }
}
