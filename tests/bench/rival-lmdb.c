/* LMDB: a read transaction for each read, for only a new one sees the newest value. */

#include "rivals.h"

#include <errno.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>

static MDB_env *env;
static MDB_txn *txn;
static MDB_dbi dbi;

static int fill(uint32_t keys) {
        char value[RIVAL_MESSAGE] = { 0 };
        MDB_val data = { sizeof(value), value };
        int r;

        r = mdb_txn_begin(env, NULL, 0, &txn);
        if (r == 0)
                r = mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &dbi);
        for (uint32_t key = 0; r == 0 && key < keys; key++) {
                MDB_val name = { sizeof(key), &key };

                r = mdb_put(txn, dbi, &name, &data, 0);
        }
        return r ? r : mdb_txn_commit(txn);
}

static int begin(const char *folder, uint32_t keys) {
        char path[128];
        int r;

        snprintf(path, sizeof(path), "%s/lmdb", folder);
        r = mdb_env_create(&env);
        if (r == 0)
                r = mdb_env_set_mapsize(env, (size_t)keys * 1024 + (1 << 20));
        if (r == 0)
                r = mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC, 0600);
        if (r == 0)
                r = fill(keys);
        if (r == 0)
                r = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
        if (r == 0)
                mdb_txn_reset(txn);
        return r > 0 ? -r : r;
}

static void get(uint32_t key, char value[RIVAL_MESSAGE]) {
        MDB_val name = { sizeof(key), &key }, data;
        int r;

        r = mdb_txn_renew(txn);
        if (r == 0)
                r = mdb_get(txn, dbi, &name, &data);
        if (r)
                rival_abort("lmdb", mdb_strerror(r));
        memcpy(value, data.mv_data, RIVAL_MESSAGE);
        mdb_txn_reset(txn);
}

static void end(void) {
        mdb_txn_abort(txn);
        mdb_env_close(env);
}

const struct store store_lmdb = {
        .name = "LMDB mdb_get(), a transaction each",
        .begin = begin,
        .get = get,
        .end = end,
};
