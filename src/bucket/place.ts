/** Where an archive is: `s3://BUCKET/PREFIX`, and the server that has it. */
import { DstoreError } from '../errors.ts'

export interface Place {
  /** As it is shown: `s3://BUCKET/PREFIX`. */
  readonly text: string
  readonly bucket: string
  /** Ends with a slash: what comes before every key. */
  readonly prefix: string
}

/** As Amazon has it: lower case, digits, dots and hyphens. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/

/** Characters that no store and no proxy rewrites. */
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/

/** Room for the keys below it: S3 allows 1,024 bytes in all. */
const PREFIX_CHARACTERS = 512

/** The place that this text names. Throws `usage` for anything else. */
export function parsePlace(text: string): Place {
  const [, bucket, rest] = /^s3:\/\/([^/]*)\/(.*?)\/?$/.exec(text) ?? []
  if (bucket === undefined || rest === undefined || rest === '') {
    throw refused(text, 'it must be s3://BUCKET/PREFIX')
  }
  if (!BUCKET.test(bucket) || /\.\.|\.-|-\./.test(bucket) || ADDRESS.test(bucket)) {
    throw refused(text, 'a bucket has 3 to 63 lower-case letters, digits, dots and hyphens')
  }
  if (rest.length > PREFIX_CHARACTERS || !rest.split('/').every((part) => SEGMENT.test(part))) {
    const most = `at most ${PREFIX_CHARACTERS}`
    throw refused(text, `a prefix has letters, digits, ".", "_", "-" and "/", ${most}`)
  }
  return { text: `s3://${bucket}/${rest}`, bucket, prefix: `${rest}/` }
}

/** Checks the URL of a server. Throws `usage` if it is none, or says more than where it is. */
export function checkEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw refused(text, 'an endpoint is a URL such as https://HOST')
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    const hint = 'the usual environment and files of AWS have the credentials'
    const shown = `${url.protocol}//${url.host}`
    const message = `${shown}: an endpoint has no user, no query and no fragment`
    throw new DstoreError('usage', message, { hint })
  }
  return text
}

function refused(text: string, why: string): DstoreError {
  return new DstoreError('usage', `${JSON.stringify(text.slice(0, 200))}: ${why}`)
}
