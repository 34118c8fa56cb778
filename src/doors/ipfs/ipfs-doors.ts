/** A trustless gateway, and RASL (specs/010-doors.md, "Rules: IPFS"). */
import type { Door } from '../../daemon/http/doors/door.ts'
import { ipfsBlock, raslBlock } from './gateway.ts'

const METHODS = { GET: 'reader', HEAD: 'reader', OPTIONS: 'reader' } as const

/** `/ipfs/CID`, and `/.well-known/rasl/CID`. */
export function ipfsDoors(): readonly Door[] {
  return [
    { root: '/ipfs', methods: METHODS, handle: ipfsBlock },
    { root: '/.well-known/rasl', methods: METHODS, handle: raslBlock },
  ]
}
