/** Flags that name a place in a bucket: what they say of a secret is refused, and not repeated. */
import { checkEndpoint, parsePlace } from '../../bucket/place.ts'
import { DstoreError } from '../../errors.ts'

/** Throws `usage` for what is no place. */
export function checkBucketPlace(flag: string, place: string): void {
  if (/[@?#]/.test(place)) throw secretIn(flag)
  parsePlace(place)
}

/** Throws `usage` for what is no endpoint. */
export function checkBucketEndpoint(flag: string, url: string): void {
  if (/[@?#]/.test(url)) throw secretIn(flag)
  checkEndpoint(url)
}

/** What was written is not repeated: it goes to logs. */
function secretIn(flag: string): DstoreError {
  return new DstoreError('usage', `${flag} takes no credentials, and no query`, {
    hint: 'give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in ~/.aws/credentials',
  })
}
