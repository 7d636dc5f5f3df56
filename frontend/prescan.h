/* prescan.h - the look at a protobuf file before protobuf-c sees it. */
#ifndef ATM_FRONTEND_PRESCAN_H
#define ATM_FRONTEND_PRESCAN_H

#include "autotm/status.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

/* Where the payload of a raw_data (or of a long packed float_data or
 * double_data, which is the same bytes) lies in the file. */
struct atm__raw {
    uint64_t offset, bytes;
    uint32_t field; /* of TensorProto */
};

/* The message without its payloads: each field listed above is replaced by a
 * raw_data of 4 bytes, the little-endian index into `raw`. Unknown fields are
 * left out. Owned; atm__scan_clear. */
struct atm__scan {
    uint8_t *data;
    size_t bytes, cap;
    struct atm__raw *raw;
    uint32_t n_raw, cap_raw;
};

/* Reads `fd` (of `size` bytes, seen by `path` in sentences) as a message of
 * type `root` by pread: no more of it is in memory than the reduced message.
 * Fails with FORMAT and the offset on truncated data, wrong wire types, depth
 * above 100, graphs nested above 16, repeated singular fields, strings that
 * are no UTF-8 or hold a NUL, more than 4 Mi messages. */
enum atm_status atm__prescan(int fd, uint64_t size, const char *path,
                             const ProtobufCMessageDescriptor *root,
                             struct atm__scan *scan);
void atm__scan_release(struct atm__scan *scan); /* data only, not raw */
void atm__scan_clear(struct atm__scan *scan);

/* Unpacks the reduced message through an allocator that takes no more than
 * 64 MiB + 4 x its bytes; free with atm__unpacked_free. */
enum atm_status atm__scan_unpack(const struct atm__scan *scan, const char *path,
                                 const ProtobufCMessageDescriptor *root,
                                 ProtobufCMessage **message);
void atm__unpacked_free(ProtobufCMessage *message);

#endif
