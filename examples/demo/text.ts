export interface DemoFacts {
  /** `https://localhost:8443`. */
  readonly origin: string
  /** Absolute path of the authority's certificate. */
  readonly authority: string
  /** Absolute path of the gateway's conf directory. */
  readonly conf: string
}

const HEADERS = `--header "X-OpenIDM-Username: openidm-admin" \\
--header "X-OpenIDM-Password: openidm-admin" \\`

/** What to type next: the vendor's page "Access data objects by remote proxy", as it stands. */
export const demoText = ({ origin, authority, conf }: DemoFacts): string => `
The gateway is running, and with it a second one that plays a remote IDM: the instance "platform".
In another terminal, first let curl trust the demo's certificate:

export CURL_CA_BUNDLE=${quoted(authority)}

List the configuration; "external.idm/platform" is in it:

curl \\
${HEADERS}
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
"${origin}/openidm/config/"

Ask the remote for its users, through this gateway:

curl \\
${HEADERS}
--insecure \\
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
'${origin}/openidm/external/idm/platform/managed/user?_queryFilter=true'

To reach a remote of your own, put a file external.idm-NAME.json beside external.idm-platform.json in
${conf}
It answers at once at ${origin}/openidm/external/idm/NAME/…  Ctrl-C ends the demo.

`

/** As a shell reads it back. */
const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
