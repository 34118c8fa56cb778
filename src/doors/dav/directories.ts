/** The directories that a request reads. */
import type { Key } from '../../hash/key.ts'
import { callOptions } from '../../daemon/http/call.ts'
import type { DoorCall } from '../../daemon/http/doors/door.ts'
import { keptListings } from '../../daemon/http/trees/kept-listings.ts'
import type { Listing } from '../../tree/read/listing.ts'

export interface Directories {
  get(key: Key): Promise<Listing>
}

/** The node is asked each time whether a directory may be read. */
export const directoriesOf = (call: DoorCall): Directories => ({
  get: (key) => keptListings.get(call.node, key, callOptions(call)),
})
