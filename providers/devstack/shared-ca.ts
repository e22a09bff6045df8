/**
 * In the phase of our plugin before anything is installed: brings the controller's CA. With tls-proxy, stack.sh makes
 * one wherever there is none (lib/tls, `init_CA`), and the services of the other nodes would not trust that. devstack's
 * own jobs copy it with its keys as well (roles/sync-devstack-data).
 */
export const SHARE_CA = `if [ "$(type -t init_CA)" = function ] && is_service_enabled tls-proxy && [ "$SERVICE_HOST" != "$HOST_IP" ]; then
      mkdir -p "$DATA_DIR"
      if ! (umask 077; ssh -n -o BatchMode=yes "$SERVICE_HOST" "cd '$DATA_DIR' 2>/dev/null && [ -d CA ] || exit 0; tar -cf - CA" > "$DATA_DIR/CA.tar"); then
        rm -f "$DATA_DIR/CA.tar"
        echo "labplan: the CA of $SERVICE_HOST could not be fetched, and nobody would trust another one" >&2
        exit 1
      fi
      # There is none yet where a database is stacked before the controller.
      if [ -s "$DATA_DIR/CA.tar" ]; then rm -rf "$DATA_DIR/CA" "$DATA_DIR/devstack-cert.pem"; tar -C "$DATA_DIR" -xpf "$DATA_DIR/CA.tar"; fi
      rm -f "$DATA_DIR/CA.tar"
    fi`;
