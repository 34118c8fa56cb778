/** The command line's entry. */
process.stdout.write('dstore\n')
