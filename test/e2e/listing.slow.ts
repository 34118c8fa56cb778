import { longList } from './listing.ts'

longList(100_000)
