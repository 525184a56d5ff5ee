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

/** Next steps: the commands of the vendor's page "Access data objects by remote proxy". */
export const demoText = ({ origin, authority, conf }: DemoFacts): string => `
The gateway is running, with a second one that acts as a remote IDM: the instance "platform".
In another terminal, make curl trust the certificate of the demo:

export CURL_CA_BUNDLE=${quoted(authority)}

List the configuration; "external.idm/platform" is in it:

curl \\
${HEADERS}
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
"${origin}/openidm/config/"

Query the users of the remote through this gateway:

curl \\
${HEADERS}
--insecure \\
--header "Accept-API-Version: resource=1.0" \\
--request GET \\
'${origin}/openidm/external/idm/platform/managed/user?_queryFilter=true'

To reach a remote of your own, put a file external.idm-NAME.json beside external.idm-platform.json in
${conf}
It is served at once at ${origin}/openidm/external/idm/NAME/…  Ctrl-C ends the demo.

`

/** Quotes a path for a shell. */
const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
