import {
  type Compilable,
  DummyDriver,
  Kysely,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Tables } from './tables.ts'
import { all, run, type Work } from './work.ts'

/** What this room uses of the query builder. It is imported when a query or a migration needs it: it is large. */
export { type RawBuilder, sql } from 'kysely'

/** Builds statements with `?` as placeholders. */
export const builder = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

export function* select<T>(query: RawBuilder<T>): Work<T[]> {
  const { sql, parameters } = query.compile(builder)
  return yield* all<T>(sql, parameters)
}

export function* execute(statements: readonly Compilable[]): Work<void> {
  for (const statement of statements) yield* run(statement.compile().sql)
}
