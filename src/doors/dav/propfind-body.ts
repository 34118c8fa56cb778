/** What a PROPFIND asks for (RFC 4918, section 9.1). */
import { readText, type HttpCall } from '../../daemon/http/call.ts'
import { HttpError } from '../../daemon/http/http-error.ts'
import { DstoreError } from '../../errors.ts'
import { DAV_BODY_BYTES, DAV_PROPERTIES } from '../../limits.ts'
import { readXml, type XmlElement, type XmlName } from './xml-reader.ts'

export const DAV = 'DAV:'

/** Which properties are wanted: all, the names of all, or some and whether there are none. */
export type Wanted =
  | { readonly type: 'allprop' }
  | { readonly type: 'propname' }
  | { readonly type: 'prop'; readonly names: readonly XmlName[] }

/** Without a body, all are wanted. Throws 400 for a body that is not understood. */
export async function readWanted(call: HttpCall): Promise<Wanted> {
  const text = await readText(call, DAV_BODY_BYTES)
  if (text === '') return { type: 'allprop' }
  return wantedIn(readXml(text))
}

/** Elements that it does not know are passed over (RFC 4918, section 17). */
function wantedIn(root: XmlElement): Wanted {
  const forms = isOf(root, 'propfind')
    ? root.children.filter((one) => FORMS.some((form) => isOf(one, form)))
    : []
  const [form] = forms
  if (form === undefined || forms.length > 1) {
    throw new HttpError(400, 'the body is no propfind with one of allprop, propname and prop')
  }
  if (isOf(form, 'allprop')) return { type: 'allprop' }
  if (isOf(form, 'propname')) return { type: 'propname' }
  const names = form.children
  if (names.length > DAV_PROPERTIES) {
    throw new DstoreError('too-large', `a request has at most ${DAV_PROPERTIES} properties`)
  }
  const unlike = new Map(names.map((name) => [`${name.namespace} ${name.local}`, name]))
  return { type: 'prop', names: [...unlike.values()] }
}

const FORMS = ['allprop', 'propname', 'prop']

const isOf = ({ namespace, local }: XmlName, name: string): boolean =>
  namespace === DAV && local === name
