/* SPDX-License-Identifier: MIT */
/*
 * clone.S - int fio_clone(int (*fn)(void *), void *stack_top, unsigned long flags, void *arg, void *tls)
 *
 * The clone system call for a task that shares memory: the child runs fn(arg) on the given stack and
 * exits with its result, with all its threads.  Returns the child's pid or -errno.
 */
	.text
	.globl	fio_clone
	.hidden	fio_clone
	.type	fio_clone, %function
fio_clone:
#if defined(__x86_64__)
	.cfi_startproc
	andq	$-16, %rsi
	subq	$16, %rsi
	movq	%rdi, 0(%rsi)		/* fn */
	movq	%rcx, 8(%rsi)		/* arg */
	movq	%rdx, %rdi		/* flags */
	xorl	%edx, %edx		/* parent_tid */
	xorl	%r10d, %r10d		/* child_tid */
	movl	$56, %eax		/* clone; tls is in r8 already */
	syscall
	testq	%rax, %rax
	jnz	1f
	.cfi_undefined rip
	xorl	%ebp, %ebp
	popq	%rax
	popq	%rdi
	call	*%rax
	movl	%eax, %edi
	movl	$231, %eax		/* exit_group: with what it has made */
	syscall
	hlt
1:	ret
	.cfi_endproc
#elif defined(__aarch64__)
	.cfi_startproc
	and	x1, x1, #-16
	stp	x0, x3, [x1, #-16]!
	mov	x0, x2			/* flags */
	mov	x2, xzr			/* parent_tid */
	mov	x3, x4			/* tls */
	mov	x4, xzr			/* child_tid */
	mov	x8, #220		/* clone */
	svc	#0
	cbnz	x0, 1f
	.cfi_undefined x30
	mov	x29, xzr
	ldp	x1, x0, [sp], #16
	blr	x1
	mov	x8, #94			/* exit_group */
	svc	#0
	brk	#0
1:	ret
	.cfi_endproc
#endif
	.size	fio_clone, . - fio_clone
	.section .note.GNU-stack, "", %progbits
