/* SPDX-License-Identifier: MIT */
/*
 * buffer.c - buffers for direct I/O, and what they must be aligned to
 */
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fastio/ring.h"
#include "sys.h"

#define ASK_DIOALIGN 0x2000u /* STATX_DIOALIGN, since Linux 6.1 */
#define AT_MEM_ALIGN 0x98    /* stx_dio_mem_align, which older headers do not have */
#define AT_OFFSET_ALIGN 0x9c

int fastio_align_of(int fd, struct fastio_align *out)
{
	union {
		struct statx sx;
		char bytes[256];
	} u;
	struct stat st;
	uint32_t block = 0;
	int err;

	if (!out)
		return -EFAULT;
	memset(&u, 0, sizeof(u));
	err = sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | ASK_DIOALIGN, &u.sx);
	if (!err && u.sx.stx_mask & ASK_DIOALIGN) {
		memcpy(&out->memory, u.bytes + AT_MEM_ALIGN, sizeof(out->memory));
		memcpy(&out->offset, u.bytes + AT_OFFSET_ALIGN, sizeof(out->offset));
		return out->memory && out->offset ? 0 : -EOPNOTSUPP;
	}
	err = sys_fstat(fd, &st);
	if (err)
		return err;
	if (S_ISBLK(st.st_mode) && SYS3(SYS_ioctl, fd, BLKSSZGET, &block) == 0 && block)
		;
	else if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		block = st.st_blksize > 4096 ? (uint32_t)st.st_blksize : 4096;
	else
		return -EOPNOTSUPP;
	out->memory = out->offset = block;
	return 0;
}

void *fastio_buffer_get(size_t size, size_t align)
{
	void *p;

	if (!size || !align || align & (align - 1) || size > SIZE_MAX / 2)
		return NULL;
	if (align < sizeof(void *))
		align = sizeof(void *);
	size = (size + align - 1) & ~(align - 1);
	p = aligned_alloc(align, size);
	return p ? memset(p, 0, size) : NULL;
}

void fastio_buffer_put(void *buffer)
{
	free(buffer);
}
