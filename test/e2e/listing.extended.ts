import { longList } from './listing.ts'

// What a daemon that collects the list holds of so many exceeds the bound.
longList(60_000)
