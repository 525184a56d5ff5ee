import { KINDS } from './kinds.ts'

/** Which file runs the blocks of a name, such as those of ```` ```sh demo ````. */
export const CLAIMS: Readonly<Record<string, string>> = {
  start: 'test/first-contact/first-contact.long.ts',
  demo: 'test/docs/demo.test.ts',
  output: 'test/docs/demo.test.ts',
  serve: 'test/docs/gateway.test.ts',
  init: 'test/cli/init-terminal.test.ts',
  bring: 'test/docs/bring-your-own-conf.test.ts',
  rows: 'test/docs/bring-your-own-conf.test.ts',
  keytool: 'test/docs/keytool.test.ts',
  file: 'test/docs/scripts.test.ts',
  'endpoint-people': 'test/docs/scripts.test.ts',
  setup: 'test/docs/contributing.test.ts',
  'one-test': 'test/docs/contributing.test.ts',
  inspect: 'test/docs/contributing.test.ts',
  docs: 'test/docs/contributing.test.ts',
  diagram: 'test/docs/diagrams.test.ts',
  rooms: 'test/docs/diagrams.test.ts',
  mermaid: 'test/docs/diagrams.test.ts',
  app: 'test/package/readme.ts',
  plugin: 'test/package/readme.ts',
  'metrics-app': 'test/docs/metrics-app.test.ts',
  install: 'test/package/readme.ts',
  host: 'test/hosts/frameworks/examples.ts',
  reconcile: 'test/embedded/docs.test.ts',
  ...Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, 'test/docs/json.test.ts'])),
}
