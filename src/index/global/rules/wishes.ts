/** Which requests bind a name, and to how much (specs/004-index.md, R004-147). */
import type { Body } from '../../message.ts'
import type { Wish } from './admission.ts'

/** Undefined for a request that binds no name. */
export function wishOf(body: Body): Wish | undefined {
  switch (body.type) {
    case 'put': {
      const [value] = body.values
      if (body.name === undefined || value === undefined) return undefined
      const { name } = body
      return { name, digest: undefined, size: value.byteLength, directory: false }
    }
    case 'offer': {
      const { name, digest, size } = body
      return name === undefined ? undefined : { name, digest, size, directory: false }
    }
    case 'bind':
    case 'rebind': {
      const { name, digest, directory = false } = body
      return { name, digest, size: undefined, directory }
    }
    case 'commit-tree': {
      const { name, digest } = body
      return name === undefined ? undefined : { name, digest, size: undefined, directory: true }
    }
    default:
      return undefined
  }
}
