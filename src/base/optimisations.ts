/** Optimisations of translated code that can be left out one at a time: to measure what each brings, to find the one to blame, and to show that nothing relies on them. */
export const OPTIMISATIONS = {
  addresses: 'constants are added by the access itself',
  calls: 'a guest call is a wasm call, its return one as well',
  checks: 'one page check serves several accesses, or all rounds of a loop',
  dead: 'registers that are overwritten before anything sees them are not written',
  far: 'memory above 4 GiB that is used much is accessed without leaving a region',
  flags: 'what set the flags is known from one block to the next',
  growth: 'a region entered very often is made again with what it left out',
  helpers: 'x87 operations in wasm',
  indirect: 'indirect jumps stay in their region where they went before',
  inlining: 'small functions are translated where they are called',
  lanes: 'low lanes that scalar operations change go to their vector registers only when those are wanted whole',
  passing: 'a region goes on in another one without the dispatch loop',
  regions: 'several blocks are translated together',
  registers: 'only registers that were changed are written back, only those that are read are loaded',
  stack: 'x87 registers live in locals, x87 operations in place',
  tables: 'irreducible control flow of interpreters stays in its region',
  walks: 'a pointer that a loop moves along is checked once a page',
} as const;

export type Optimisation = keyof typeof OPTIMISATIONS;

/** What to leave out. */
export type Without = ReadonlySet<Optimisation>;
