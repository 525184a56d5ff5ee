export { isFilterValue, parseQueryFilter } from './query-filter-parser.ts'
export { printQueryFilter } from './query-filter-printer.ts'
export * from './syntax-tree.ts'
