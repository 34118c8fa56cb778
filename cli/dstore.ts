/** The command line's entry. */
import { main } from './main.ts'

// Everything has been written by now; what may still be open (a connection, a pipe) is not worth waiting for.
process.exit(await main(process.argv.slice(2)))
