/** The version of this implementation, as package.json says; a test keeps them one. */
export const VERSION = '0.1.0'
