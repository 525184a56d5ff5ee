import {
  type Compilable,
  DummyDriver,
  Kysely,
  type RawBuilder,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Session } from './session.ts'
import type { Tables } from './tables.ts'

/** What this room uses of the query builder. It is imported when a query or a migration needs it: it is large. */
export { type RawBuilder, sql } from 'kysely'

/** Builds statements; sessions run them. */
export const builder = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (database) => new SqliteIntrospector(database),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

export function select<T>(session: Session, query: RawBuilder<T>): T[] {
  const { sql, parameters } = query.compile(builder)
  return session.all<T>(sql, parameters)
}

export function execute(session: Session, statements: readonly Compilable[]): void {
  for (const statement of statements) session.run(statement.compile().sql)
}
