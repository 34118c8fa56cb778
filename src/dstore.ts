/** The library: what a program imports that holds a node itself. The command line is `cli/dstore.ts`. */
export { ERRORS, DstoreError, isErrorCode } from './errors.ts'
export type { DstoreErrorOptions, ErrorCode, ErrorKind } from './errors.ts'
export { Key } from './hash/key.ts'
export type * from './node/node.ts'
export type { ByteRange } from './hash/tree.ts'
